// Talking to the emulator, and saying so when it does not go well.

const element = id => document.getElementById(id);

/** Shows a sentence above the phones; '' takes it away. */
export function notice(text) {
  element('notice').textContent = text;
  element('notice').hidden = text === '';
}

async function answerOf(response) {
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? 'Error ' + response.status);
  return answer;
}

/** Posts JSON to an endpoint under `/_emulator`; an answer that is not 200 is thrown with its words. */
export async function call(path, body) {
  return answerOf(await fetch('/_emulator/' + path, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  }));
}

/** Posts a file to an endpoint under `/_emulator`; `query` names the customer, the number and a caption. */
export async function upload(path, file, type, query) {
  return answerOf(await fetch('/_emulator/' + path + '?' + new URLSearchParams(query), {
    method: 'POST', headers: { 'Content-Type': type || 'application/octet-stream' }, body: file,
  }));
}

/** True when the work was done; otherwise the reason is shown. */
export async function attempt(work) {
  try {
    await work();
    notice('');
    return true;
  } catch (error) {
    notice('No se ha podido hacer: ' + error.message);
    return false;
  }
}

// The emulator's clock may be moved ahead of the browser's.
let ahead = 0;

/** The emulator's time in milliseconds. */
export const now = () => Date.now() + ahead;

/** Sets the emulator's time as it told it. */
export function setNow(at) {
  ahead = at - Date.now();
}
