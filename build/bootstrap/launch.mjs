import { spawn } from 'node:child_process';

/** In a locale without UTF-8, as a bare container has, Chromium cannot name a file like `größe.txt`: such a one gets a UTF-8 character set. */
export function utf8Locale(environment, platform = process.platform) {
  const effective = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || '';
  if (platform !== 'linux' || /utf-?8/i.test(effective)) return {};
  return environment.LC_ALL ? { LC_ALL: 'C.UTF-8' } : { LC_CTYPE: 'C.UTF-8' };
}

/** Runs the program this was all about, with the terminal as its own, and gives its exit code. */
export function launch(program, args, environment = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...utf8Locale(process.env), ...environment } });
    // Ctrl+C reaches the child from the terminal; a signal sent to this process alone is handed on.
    const handOn = (signal) => child.kill(signal);
    process.on('SIGINT', process.stdin.isTTY ? () => {} : handOn);
    process.on('SIGTERM', handOn);
    process.on('SIGHUP', handOn);
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
}
