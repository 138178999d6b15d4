import { spawn } from 'node:child_process';

/** Runs the program this was all about, with the terminal as its own, and gives its exit code. */
export function launch(program, args, environment = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
    // Ctrl+C reaches the child from the terminal; a signal sent to this process alone is handed on.
    const handOn = (signal) => child.kill(signal);
    process.on('SIGINT', process.stdin.isTTY ? () => {} : handOn);
    process.on('SIGTERM', handOn);
    process.on('SIGHUP', handOn);
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
}
