// The bar of a phone that takes the place of the composer while a voice note is recorded.

import { notice } from './calls.js';
import { startRecording } from './recorder.js';

/** Lets the phone of these elements record; `acts` are its acts. Gives `stop`, which throws a recording away. */
export function recordingBar(parts, acts) {
  let recorder = null;
  let asking = false;
  let ticking = null;

  function show(started) {
    recorder = started;
    parts.form.hidden = Boolean(started);
    parts.recording.hidden = !started;
    clearInterval(ticking);
    if (!started) return;
    const since = Date.now();
    const tick = () => {
      const seconds = Math.floor((Date.now() - since) / 1000);
      parts.length.textContent = Math.floor(seconds / 60) + ':' + String(seconds % 60).padStart(2, '0');
    };
    tick();
    ticking = setInterval(tick, 250);
  }

  // The browser may take its time to ask for the microphone: a second tap begins nothing, and a phone that was drawn anew
  // meanwhile does not go on listening.
  async function record() {
    if (asking) return;
    asking = true;
    try {
      const started = await startRecording();
      if (!parts.root.isConnected) { started.cancel(); return; }
      show(started);
      parts.sendRecord.focus();
    } catch {
      acts.voice('No se puede usar ningún micrófono desde este navegador.');
    } finally {
      asking = false;
    }
  }

  async function send() {
    const finished = recorder;
    show(null);
    try {
      await acts.voiceFile(await finished.stop());
    } catch (error) {
      notice('No se ha podido grabar: ' + error.message);
    }
    parts.composer.focus();
  }

  function stop() {
    recorder?.cancel();
    show(null);
  }

  parts.record.addEventListener('click', record);
  parts.sendRecord.addEventListener('click', send);
  parts.cancelRecord.addEventListener('click', () => { stop(); parts.composer.focus(); });
  return { stop };
}
