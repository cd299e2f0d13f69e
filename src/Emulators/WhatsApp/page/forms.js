// A form ("flow") as WhatsApp shows it: the screens of its JSON, filled in by the customer, and the answer that is sent.

import { attempt, call, upload } from './calls.js';
import { make } from './icons.js';
import { open } from './sheets.js';

const reference = /\$\{([^}]+)\}/g;

// `form.x`, `data.x` or `screen.NAME.form.x`.
function look(path, scope) {
  const steps = path.trim().split('.');
  let found = steps[0] === 'screen' ? { form: scope.screens.get(steps[1]) ?? {} } : scope;
  for (const step of steps[0] === 'screen' ? steps.slice(2) : steps) found = found?.[step];
  return found;
}

/** A value of the form's JSON with what it refers to put in. */
export function resolve(value, scope) {
  if (Array.isArray(value)) return value.map(item => resolve(item, scope));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, resolve(item, scope)]).filter(([, item]) => item !== undefined));
  }
  if (typeof value !== 'string') return value;
  const whole = value.match(/^\$\{([^}]+)\}$/);
  if (whole) return look(whole[1], scope);
  return value.replace(reference, (_, path) => look(path, scope) ?? '');
}

// One side of a comparison.
function operand(text, scope) {
  const word = text.trim();
  const quoted = word.match(/^'(.*)'$/);
  if (quoted) return quoted[1];
  if (word === 'true' || word === 'false') return word === 'true';
  if (word !== '' && Number.isFinite(Number(word))) return Number(word);
  return resolve(word, scope);
}

/** Whether the condition of an `If` holds: comparisons joined by && and ||, each may be turned round by !. */
export function holds(condition, scope) {
  if (typeof condition === 'boolean') return condition;
  const some = String(condition).split('||');
  if (some.length > 1) return some.some(part => holds(part, scope));
  const all = some[0].split('&&');
  if (all.length > 1) return all.every(part => holds(part, scope));
  const text = all[0].trim().replace(/^\((.*)\)$/, '$1').trim();
  const found = text.match(/^(.+?)(==|!=|>=|<=|>|<)(.+)$/);
  if (!found) return text.startsWith('!') ? !holds(text.slice(1), scope) : operand(text, scope) === true;
  const [left, right] = [operand(found[1], scope), operand(found[3], scope)];
  switch (found[2]) {
    case '==': return left === right;
    case '!=': return left !== right;
    case '>': return left > right;
    case '<': return left < right;
    case '>=': return left >= right;
    default: return left <= right;
  }
}

const sizes = { TextHeading: 'h4', TextSubheading: 'h5', TextBody: 'p', TextCaption: 'small' };

// A field with its name, its help and what is wrong with it. A group of options has labels of its own within.
function labelled(part, control, note, element = 'label') {
  const problem = make('small', { class: 'problem', role: 'alert', hidden: true });
  const helper = note ?? part['helper-text'];
  const box = make(element, { class: 'form-field' }, make('span', {}, part.label + (part.required ? '' : ' (opcional)')), control,
    helper ? make('small', { class: 'quiet' }, helper) : null, problem);
  return { box, problem };
}

function textField(part, begin) {
  const area = part.type === 'TextArea';
  const types = { email: 'email', number: 'number', phone: 'tel', password: 'password', passcode: 'password' };
  const control = make(area ? 'textarea' : 'input', area ? { rows: 3 } : { type: part.type === 'DatePicker' ? 'date' : types[part['input-type']] ?? 'text' });
  const most = part['max-chars'] ?? part['max-length'];
  if (most) control.maxLength = Number(most);
  control.value = begin ?? '';
  const { box, problem } = labelled(part, control);
  const check = () => {
    const text = control.value.trim();
    if (text === '') return part.required ? 'Falta este dato.' : '';
    if (part['min-chars'] && text.length < Number(part['min-chars'])) return `Escribe al menos ${part['min-chars']} letras.`;
    if (part['input-type'] === 'email' && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) return 'No parece una dirección de correo.';
    return '';
  };
  return { box, problem, control, check, read: async () => control.value.trim() };
}

function choiceField(part, options, begin) {
  if (part.type === 'Dropdown') {
    const control = make('select', {}, make('option', { value: '' }, 'Elige…'), ...options.map(option => make('option', { value: option.id }, option.title)));
    control.value = begin ?? '';
    const { box, problem } = labelled(part, control);
    return { box, problem, control, check: () => (part.required && !control.value ? 'Elige una opción.' : ''), read: async () => control.value };
  }
  const many = part.type === 'CheckboxGroup';
  const group = make('div', { role: 'group', 'aria-label': part.label });
  const boxes = options.map(option => {
    const input = make('input', { type: many ? 'checkbox' : 'radio', value: option.id });
    input.name = part.name;
    input.checked = many ? (begin ?? []).includes(option.id) : begin === option.id;
    group.append(make('label', { class: 'option' }, input, make('span', {}, option.title, option.description ? make('small', {}, option.description) : null)));
    return input;
  });
  const { box, problem } = labelled(part, group, undefined, 'div');
  const chosen = () => boxes.filter(input => input.checked).map(input => input.value);
  return {
    box, problem, control: boxes[0], check: () => (part.required && chosen().length === 0 ? 'Elige una opción.' : ''),
    read: async () => (many ? chosen() : chosen()[0] ?? ''),
  };
}

function consent(part, begin) {
  const control = make('input', { type: 'checkbox' });
  control.checked = begin === true;
  const problem = make('small', { class: 'problem', role: 'alert', hidden: true });
  const box = make('label', { class: 'form-field option' }, control, make('span', {}, part.label), problem);
  return { box, problem, control, check: () => (part.required && !control.checked ? 'Hace falta aceptarlo.' : ''), read: async () => control.checked };
}

// Photos and documents: they are uploaded when the form is sent, and the answer names them by media id.
function fileField(part, number) {
  const kind = part.type === 'PhotoPicker' ? 'photos' : 'documents';
  const most = Number(part[`max-uploaded-${kind}`] ?? 30);
  const least = Number(part[`min-uploaded-${kind}`] ?? 0);
  const control = make('input', { type: 'file', multiple: most > 1, accept: kind === 'photos' ? 'image/jpeg,image/png' : '' });
  const { box, problem } = labelled({ ...part, required: least > 0 }, control, part.description);
  const check = () => (control.files.length < least ? `Añade al menos ${least}.` : control.files.length > most ? `Como mucho ${most}.` : '');
  const read = () => Promise.all([...control.files].map(file => upload('form-media', file, file.type, { number, name: file.name })));
  return { box, problem, control, check, read };
}

function fieldOf(part, scope, number, begin) {
  const options = () => resolve(part['data-source'] ?? [], scope) ?? [];
  switch (part.type) {
    case 'TextInput': case 'TextArea': case 'DatePicker': return textField(part, begin);
    case 'Dropdown': case 'RadioButtonsGroup': case 'CheckboxGroup': return choiceField(part, options(), begin);
    case 'OptIn': return consent(part, begin);
    case 'PhotoPicker': case 'DocumentPicker': return fileField(part, number);
    default: return null;
  }
}

/** Shows the form of a message in `phone`, and sends what was filled in. */
export async function openForm(phone, customer, number, message) {
  const body = make('div', { class: 'sheet-body fields' });
  const foot = make('div', { class: 'sheet-foot' });
  const close = open(phone, 'Formulario', make('div', {}, body, foot));
  const heading = phone.querySelector('.sheet h3');
  const problem = make('p', { class: 'problem', role: 'alert' });
  const scope = { data: {}, form: {}, screens: new Map() };
  let definition = null;

  const ask = (action, more) => call('form', { message: message.id, action, ...more });
  const send = async payload => {
    if (await attempt(() => call('send', { customer, number, form: { message: message.id, payload } }))) close();
  };

  async function act(action, fields, screen, footer) {
    const wrong = fields.filter(field => {
      const text = field.check();
      field.problem.textContent = text;
      field.problem.hidden = text === '';
      return text !== '';
    });
    if (wrong.length > 0) { wrong[0].control?.focus(); return; }
    footer.disabled = true;
    try {
      scope.form = Object.fromEntries(await Promise.all(fields.map(async field => [field.name, await field.read()])));
      scope.screens.set(screen.id, scope.form);
      const payload = resolve(action.payload ?? {}, scope);
      if (action.name === 'complete') await send(payload);
      else if (action.name === 'navigate') show(action.next?.name, payload);
      else follow(await ask('data_exchange', { screen: screen.id, data: payload }), screen);
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      footer.disabled = false;
    }
  }

  // What the endpoint said: another screen, the same with what is wrong, or the end.
  function follow(answer, screen) {
    if (answer.screen === 'SUCCESS') return send(answer.data?.extension_message_response?.params ?? {});
    show(answer.screen ?? screen.id, answer.data ?? {});
    problem.textContent = answer.data?.error_message ?? '';
  }

  function show(name, data) {
    const screen = definition.screens.find(one => one.id === name) ?? definition.screens[0];
    scope.data = { ...data };
    problem.textContent = '';
    heading.textContent = resolve(screen.title ?? 'Formulario', scope);
    const fields = [];
    const before = scope.screens.get(screen.id) ?? {};
    body.replaceChildren();
    foot.replaceChildren();
    const put = (part, begins, errors) => {
      if (part.visible !== undefined && resolve(part.visible, scope) === false) return;
      if (part.type === 'If') {
        (holds(part.condition, scope) ? part.then : part.else ?? []).forEach(child => put(child, begins, errors));
      } else if (part.type === 'Switch') {
        const cases = part.cases ?? {};
        (cases[resolve(part.value, scope)] ?? cases.default ?? []).forEach(child => put(child, begins, errors));
      } else if (part.type === 'Form') {
        const inner = resolve(part['init-values'] ?? {}, scope) ?? {};
        const wrong = resolve(part['error-messages'] ?? {}, scope) ?? {};
        (part.children ?? []).forEach(child => put(child, inner, wrong));
      } else if (sizes[part.type]) {
        const text = resolve(part.text, scope);
        body.append(make(sizes[part.type], {}, Array.isArray(text) ? text.join('\n') : text));
      } else if (part.type === 'Footer') {
        const footer = make('button', { type: 'button', class: 'primary', 'data-testid': 'form-send' }, resolve(part.label, scope));
        footer.addEventListener('click', () => act(part['on-click-action'] ?? {}, fields, screen, footer));
        foot.append(footer);
      } else {
        const said = name => resolve(part[name], scope) || undefined;
        const shown = {
          ...part, label: said('label') ?? part.name ?? '', required: resolve(part.required, scope) === true,
          'helper-text': said('helper-text'), description: said('description'),
        };
        const field = fieldOf(shown, scope, number, before[part.name] ?? begins[part.name] ?? resolve(part['init-value'], scope));
        if (!field) { body.append(make('small', { class: 'quiet' }, 'Aquí va un elemento de tipo «' + part.type + '».')); return; }
        field.name = part.name;
        field.control?.setAttribute('data-testid', 'form-' + part.name);
        const text = errors[part.name] || said('error-message');
        if (text) { field.problem.textContent = text; field.problem.hidden = false; }
        fields.push(field);
        body.append(field.box);
      }
    };
    (screen.layout?.children ?? []).forEach(part => put(part, {}, {}));
    body.append(problem);
    body.querySelector('input, textarea, select')?.focus();
  }

  const opened = await attempt(async () => {
    const answer = await ask('open');
    definition = answer.definition;
    show(answer.screen, answer.data);
  });
  if (!opened) close();
}
