// Does what was asked for last, after a pause, and drops what was asked for before, so that nothing comes out of order.

/**
 * @param {(signal: AbortSignal, ...given: any[]) => Promise<void>} task Must do nothing more once the signal is aborted.
 */
export function latest(task) {
  let timer;
  let running;

  function cancel() {
    clearTimeout(timer);
    running?.abort();
    running = undefined;
  }

  function ask(pause, ...given) {
    cancel();
    timer = setTimeout(() => {
      const own = new AbortController();
      running = own;
      task(own.signal, ...given).catch((error) => {
        if (!own.signal.aborted) throw error;
      });
    }, pause);
  }

  return { ask, cancel };
}
