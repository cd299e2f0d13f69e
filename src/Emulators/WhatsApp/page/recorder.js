// Recording a voice note with the browser's microphone.

import { oggOf } from './ogg.js';

const formats = ['audio/ogg;codecs=opus', 'audio/webm;codecs=opus', 'audio/mp4'];

/** Begins to record. Gives `stop`, which ends with the file, and `cancel`. Throws where there is no microphone. */
export async function startRecording() {
  if (!navigator.mediaDevices || !window.MediaRecorder) throw new Error('este navegador no graba');
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const release = () => stream.getTracks().forEach(track => track.stop());
  const mimeType = formats.find(format => MediaRecorder.isTypeSupported(format));
  const pieces = [];
  let recorder = null;
  try {
    recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
    recorder.addEventListener('dataavailable', event => { if (event.data.size > 0) pieces.push(event.data); });
    recorder.start();
  } catch (error) {
    // The microphone must not stay open.
    release();
    throw error;
  }
  const stopped = new Promise(resolve => recorder.addEventListener('stop', resolve, { once: true }));

  async function stop() {
    recorder.stop();
    await stopped;
    release();
    const whole = new Blob(pieces, { type: recorder.mimeType });
    if (!whole.type.startsWith('audio/webm')) return whole;
    return oggOf(new Uint8Array(await whole.arrayBuffer()));
  }

  return { stop, cancel() { recorder.stop(); release(); } };
}
