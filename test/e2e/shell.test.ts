import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { ElectronApplication, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectContract } from '../../shared/ipc/wire.ts';
import { describesCarrier } from '../contract/contract-suite.ts';
import { appFolder, electronPath, launchElectron, pageChannel, runElectron, windowTitled } from '../harness/electron-app.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

describe.skipIf(electronPath === '')('the Electron shell', () => {
  const folder = temporaryFolder();
  const userData = join(folder, 'user data');
  const log: string[] = [];
  let app: ElectronApplication;
  let alice: Page;
  let bob: Page;

  beforeAll(async () => {
    app = await launchElectron(['--user-data', userData], log);
    alice = await windowTitled(app, 'Alice');
    bob = await windowTitled(app, 'Bob');
  });
  afterAll(() => app?.close());

  describe('windows', () => {
    it('two, side by side on the work area, titled by account, shown once painted, with a smallest size', async () => {
      await expect
        .poll(() => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().every((one) => one.isVisible())))
        .toBe(true);
      const windows = await app.evaluate(({ BrowserWindow, screen }) => ({
        workArea: screen.getPrimaryDisplay().workArea,
        list: BrowserWindow.getAllWindows().map((window) => ({
          title: window.getTitle(),
          bounds: window.getBounds(),
          least: window.getMinimumSize(),
        })),
      }));
      const [left, right] = windows.list.sort((a, b) => a.bounds.x - b.bounds.x);
      expect([left?.title, right?.title]).toEqual(['Alice', 'Bob']);
      expect((left?.bounds.x ?? 0) + (left?.bounds.width ?? 0)).toBeLessThanOrEqual(right?.bounds.x ?? 0);
      expect((right?.bounds.x ?? 0) + (right?.bounds.width ?? 0)).toBeLessThanOrEqual(windows.workArea.x + windows.workArea.width);
      for (const window of windows.list) expect(window).toMatchObject({ least: [640, 480] });
    });

    it('a second start shows the first and ends', async () => {
      expect((await runElectron(['--user-data', userData])).code).toBe(0);
      expect(app.windows()).toHaveLength(2);
    });

    it('a configured account has one window, titled by its name, and no demo', async () => {
      const file = join(folder, 'dora.json');
      const account = {
        address: 'sip:dora@example.com',
        displayName: 'Dora D.',
        user: 'dora',
        password: 'x',
        outboundProxy: '127.0.0.1:9',
      };
      writeFileSync(file, JSON.stringify(account));
      const own = join(folder, 'dora');
      const other = await launchElectron(['--user-data', own, '--account', file]);
      const page = await windowTitled(other, 'Dora D.');
      const state = await connectContract(await pageChannel(page)).call('app.state', {});
      expect(state).toMatchObject({ account: { address: 'sip:dora@example.com', displayName: 'Dora D.' }, neighbours: [] });
      expect(other.windows()).toHaveLength(1);
      await other.close();
      expect(existsSync(join(own, 'demo'))).toBe(false);
    });

    it('a malformed account is named on stderr, with exit status 2', async () => {
      const file = join(folder, 'account.json');
      writeFileSync(
        file,
        JSON.stringify({ address: 'sip:a@b.example', user: 'a', password: 'hunter2', outboundProxy: 'b.example', transport: 'udp' }),
      );
      const { code, stderr } = await runElectron(['--user-data', join(folder, 'other'), '--account', file]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^account\.malformed: transport: /m);
      expect(stderr).not.toContain('hunter2');
    });
  });

  describe('the contract over Electron IPC', () => {
    describesCarrier(async () => ({ channel: await pageChannel(alice) }));

    it("each window has its own account's core", async () => {
      const client = connectContract(await pageChannel(bob));
      expect((await client.call('app.state', {})).account.address).toBe('sip:bob@parley.example');
    });

    it('a page that is loaded again goes on', async () => {
      await bob.reload();
      const client = connectContract(await pageChannel(bob));
      expect((await client.call('app.state', {})).account.address).toBe('sip:bob@parley.example');
    });

    it('a page of another origin is not heard, even with our preload', async () => {
      const heard = await app.evaluate(
        async ({ BrowserWindow, app: electron }, preload) => {
          const window = new BrowserWindow({
            show: false,
            webPreferences: { preload, sandbox: true },
          });
          await window.loadURL('data:text/html,<p>elsewhere');
          const script = `new Promise((resolve) => {
          const texts = [];
          window.parley.onText((text) => texts.push(text));
          window.parley.send(JSON.stringify({ id: 'x', method: 'app.state', params: {} }));
          window.parley.offerFiles([new File(['x'], 'x.txt')]).then(() => 'taken', (error) => error.message)
            .then((offered) => setTimeout(() => resolve({ texts, offered }), 200));
        })`;
          const outcome = await window.webContents.executeJavaScript(script);
          window.destroy();
          return { outcome, name: electron.name };
        },
        join(appFolder, 'out', 'preload', 'preload.cjs'),
      );
      expect(heard).toEqual({ outcome: { texts: [], offered: 'request.invalid: not from the page' }, name: 'Parley' });
    });

    it('another origin inside one of our own windows is not heard either', async () => {
      const heard = await app.evaluate(async ({ BrowserWindow }) => {
        const window = BrowserWindow.getAllWindows().find((one) => one.getTitle() === 'Bob');
        await window?.webContents.loadURL('data:text/html,<p>elsewhere');
        const outcome = await window?.webContents.executeJavaScript(`new Promise((resolve) => {
          const texts = [];
          window.parley.onText((text) => texts.push(text));
          window.parley.send(JSON.stringify({ id: 'x', method: 'app.state', params: {} }));
          setTimeout(() => resolve(texts), 200);
        })`);
        await window?.webContents.loadURL('parley://app/');
        return outcome;
      });
      expect(heard).toEqual([]);
    });
  });

  describe('files and links', () => {
    const client = async (page: Page) => connectContract(await pageChannel(page));

    it('a dropped file is known by its path, which the page never sees', async () => {
      const path = join(folder, 'größe.txt');
      writeFileSync(path, 'abc');
      await alice.evaluate(() => {
        const input = document.createElement('input');
        input.type = 'file';
        input.id = 'test-files';
        document.body.append(input);
      });
      await alice.setInputFiles('#test-files', path);
      const [candidate] = (await alice.evaluate(async () => {
        const input = document.getElementById('test-files') as HTMLInputElement;
        const offered = await window.parley?.offerFiles([...(input.files ?? [])]);
        input.remove();
        return offered;
      })) as unknown[];
      expect(candidate).toEqual({ token: expect.any(String), name: 'größe.txt', size: 3, type: 'text/plain' });
    });

    it('a pasted one is written with a clean name; one that is too large is refused with its code', async () => {
      const offer = (name: string, size: number) =>
        alice.evaluate(
          ([file, octets]) =>
            window.parley?.offerFiles([new File([new Uint8Array(octets as number)], file as string)]).then(
              ([candidate]) => candidate?.name,
              (error: Error) => error.message,
            ),
          [name, size],
        );
      expect(await offer('../../CON.png', 3)).toMatch(/^CON.*\.png$/);
      expect(await offer('big.png', 64 * 1024 * 1024 + 1)).toMatch(/^file\.too-large: /);
      const unreal = await alice.evaluate(() =>
        window.parley?.offerFiles(['/etc/passwd' as never]).then(
          () => 'taken',
          () => 'refused',
        ),
      );
      expect(unreal).toBe('refused');
    });

    it("a picture is shown in its own account's window only", async () => {
      const core = await client(alice);
      const [candidate] = (await alice.evaluate(
        async (octets) => window.parley?.offerFiles([new File([new Uint8Array(octets)], 'dot.png')]),
        [...PNG],
      )) as { token: string }[];
      // not to Bob, who may have a transfer of the same number when it arrives
      const { id: conversationId } = await core.call('conversations.open', { address: 'sip:nobody@parley.example' });
      const sent = await core.call('files.send', { conversationId, clientId: `picture${Date.now()}`, token: candidate?.token ?? '' });
      const width = (page: Page) =>
        page.evaluate(
          (id) =>
            new Promise<number>((resolve) => {
              const image = new Image();
              image.onload = () => resolve(image.naturalWidth);
              image.onerror = () => resolve(-1);
              image.src = window.parley?.previewUrl(String(id)) ?? '';
            }),
          sent.transfer?.id ?? 0,
        );
      await expect.poll(() => width(alice)).toBe(1);
      expect(await width(bob)).toBe(-1);
    });

    it('a program is opened only after a second question', async () => {
      await app.evaluate(({ dialog, shell }) => {
        const seen = { asked: 0, opened: [] as string[], answer: 0 };
        (globalThis as never as { seen: typeof seen }).seen = seen;
        dialog.showMessageBox = (async () => {
          seen.asked++;
          return { response: seen.answer, checkboxChecked: false };
        }) as never;
        shell.openPath = async (path) => {
          seen.opened.push(path);
          return '';
        };
        shell.openExternal = async (url) => {
          seen.opened.push(url);
        };
      });
      const seen = () => app.evaluate(() => (globalThis as never as { seen: { asked: number; opened: string[] } }).seen);
      const core = await client(alice);
      const { id: conversationId } = await core.call('conversations.open', { address: 'sip:bob@parley.example' });
      const send = async (name: string) => {
        const path = join(folder, name);
        mkdirSync(folder, { recursive: true });
        writeFileSync(path, 'x');
        await app.evaluate(({ dialog }, chosen) => {
          dialog.showOpenDialog = (async () => ({ canceled: false, filePaths: [chosen] })) as never;
        }, path);
        const { items } = await core.call('files.choose', {});
        const clientId = `open${name.replace(/\W/g, '')}${Date.now()}`.padEnd(16, '0');
        const sent = await core.call('files.send', { conversationId, clientId, token: items[0]?.candidate?.token ?? '' });
        return sent.transfer?.id ?? 0;
      };
      const program = await send('setup.EXE');
      await core.call('transfers.open', { transferId: program });
      expect(await seen()).toMatchObject({ asked: 1, opened: [] });
      await app.evaluate(() => {
        (globalThis as never as { seen: { answer: number } }).seen.answer = 1;
      });
      await core.call('transfers.open', { transferId: program });
      await core.call('transfers.open', { transferId: await send('plan.txt') });
      expect(await seen()).toMatchObject({ asked: 2, opened: [join(folder, 'setup.EXE'), join(folder, 'plan.txt')] });
    });

    it('only links of known kinds leave the app', async () => {
      const core = await client(alice);
      for (const url of ['javascript:alert(1)', 'file:///etc/passwd', 'smb://a/b', 'ms-msdt:/id', 'parley://app/', ' javascript:1', 'x']) {
        await expect(core.call('links.open', { url })).rejects.toMatchObject({ code: 'request.invalid' });
      }
      for (const url of ['https://a.example/?q=ü', 'mailto:a@b.example', 'tel:+49123']) await core.call('links.open', { url });
      const opened = await app.evaluate(() => (globalThis as never as { seen: { opened: string[] } }).seen.opened);
      expect(opened.slice(-3)).toEqual(['https://a.example/?q=%C3%BC', 'mailto:a@b.example', 'tel:+49123']);
    });
  });

  describe('the page is shut in', () => {
    it('has nothing of Node and nothing of Electron but four functions', async () => {
      expect(
        await alice.evaluate(() => [
          ...['require', 'process', 'module', 'Buffer', 'global', 'electron', 'ipcRenderer'].filter((name) => name in window),
          ...Object.entries(window.parley ?? {}).map(([name, value]) => `${name}: ${typeof value}`),
        ]),
      ).toEqual(['send: function', 'onText: function', 'offerFiles: function', 'previewUrl: function']);
      const preferences = await app.evaluate(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows().map((window) => {
          const { contextIsolation, sandbox, nodeIntegration, webviewTag, webSecurity } = (
            window.webContents as unknown as { getLastWebPreferences(): Electron.WebPreferences }
          ).getLastWebPreferences();
          return { contextIsolation, sandbox, nodeIntegration, webviewTag, webSecurity };
        }),
      );
      const safe = { contextIsolation: true, sandbox: true, nodeIntegration: false, webviewTag: false, webSecurity: true };
      expect(preferences).toEqual([safe, safe]);
    });

    it('runs no inline script and no text as code', async () => {
      expect(
        await alice.evaluate(async () => {
          const violations: string[] = [];
          document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
          const script = document.createElement('script');
          script.textContent = 'window.ranInline = true';
          document.head.append(script);
          const button = document.createElement('button');
          button.setAttribute('onclick', 'window.ranInline = true');
          document.body.append(button);
          button.click();
          button.remove();
          const outcome = (run: () => unknown): string => {
            try {
              return `ran: ${String(run())}`;
            } catch (thrown) {
              return (thrown as Error).name;
            }
          };
          // In a task of its own: what is evaluated from outside is exempt from the page's policy.
          const tries = await new Promise((resolve) =>
            setTimeout(() => {
              // biome-ignore lint/security/noGlobalEval: that it does not work is what is tested
              resolve([outcome(() => window.eval('1')), outcome(() => new Function('return 1')())]);
            }, 50),
          );
          await new Promise((resolve) => setTimeout(resolve, 50));
          return { tries, ranInline: 'ranInline' in window, violations: [...new Set(violations)].sort() };
        }),
      ).toEqual({ tries: ['EvalError', 'EvalError'], ranInline: false, violations: ['script-src', 'script-src-attr', 'script-src-elem'] });
    });

    it('loads nothing from elsewhere: no script, picture, frame, request or socket', async () => {
      const asked: string[] = [];
      const server = createServer((request, response) => {
        asked.push(request.url ?? '');
        response.end('x');
      });
      server.on('upgrade', (request, socket) => {
        asked.push(request.url ?? '');
        socket.destroy();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const origin = `127.0.0.1:${(server.address() as { port: number }).port}`;
      await alice.evaluate(async (host) => {
        const gone = (element: HTMLElement & { src: string }, url: string) =>
          new Promise<void>((resolve) => {
            element.addEventListener('error', () => resolve());
            element.addEventListener('load', () => resolve());
            element.src = url;
            document.body.append(element);
            setTimeout(resolve, 200);
          }).then(() => element.remove());
        await gone(document.createElement('script'), `http://${host}/script`);
        await gone(document.createElement('img'), `http://${host}/image`);
        await gone(document.createElement('iframe'), `http://${host}/frame`);
        await fetch(`http://${host}/fetch`, { mode: 'no-cors' }).catch(() => {});
        await new Promise<void>((resolve) => {
          try {
            const socket = new WebSocket(`ws://${host}/socket`);
            socket.onopen = socket.onerror = () => resolve();
          } catch {
            resolve();
          }
        });
        const form = document.createElement('form');
        form.action = `http://${host}/form`;
        document.body.append(form);
        form.submit();
        form.remove();
      }, origin);
      await new Promise((resolve) => server.close(resolve));
      expect(asked).toEqual([]);
      expect(alice.url()).toBe('parley://app/');
    });

    it('stays where it is, and opens no window', async () => {
      for (const url of ['https://127.0.0.1:9/', 'file:///etc/passwd', 'data:text/html,x', 'parley://app/other', 'parley://preview/1']) {
        await alice.evaluate((target) => {
          const link = document.createElement('a');
          link.href = target;
          document.body.append(link);
          link.click();
          link.target = '_blank';
          link.click();
          link.remove();
          window.location.href = target;
        }, url);
      }
      expect(await alice.evaluate(() => [window.open('https://127.0.0.1:9/'), window.open('about:blank'), window.open('')])).toEqual([
        null,
        null,
        null,
      ]);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(app.windows()).toHaveLength(2);
      expect(await alice.evaluate(() => window.location.href)).toBe('parley://app/');
      expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.webContents.getURL()))).toEqual([
        'parley://app/',
        'parley://app/',
      ]);
    });

    it('is refused every permission but copying', async () => {
      expect(
        await alice.evaluate(async () => ({
          notifications: await Notification.requestPermission(),
          camera: (await navigator.permissions.query({ name: 'camera' as PermissionName })).state,
          location: await new Promise((resolve) =>
            navigator.geolocation.getCurrentPosition(
              () => resolve('granted'),
              (error) => resolve(error.code),
            ),
          ),
          read: (await navigator.permissions.query({ name: 'clipboard-read' as PermissionName })).state,
          midi: (await navigator.permissions.query({ name: 'midi' as PermissionName })).state,
        })),
      ).toEqual({ notifications: 'denied', camera: 'denied', location: 1, read: 'denied', midi: 'denied' });
    });

    it('gets its own files only', async () => {
      expect(
        await alice.evaluate(() =>
          Promise.all(
            ['../package.json', '/%2e%2e/package.json', '/..%2fpackage.json', '/assets', '//etc/passwd', '/index.html/'].map((path) =>
              fetch(path).then(
                (answer) => answer.status,
                () => 'blocked',
              ),
            ),
          ),
        ),
      ).toEqual([404, 404, 404, 404, 'blocked', 404]);
    });
  });

  describe('endings', () => {
    it('a page that crashed is loaded again, once', async () => {
      const crash = () =>
        app.evaluate(async ({ BrowserWindow, dialog }) => {
          const window = BrowserWindow.getAllWindows().find((one) => one.getTitle() === 'Bob');
          let asked = 0;
          dialog.showMessageBox = (async () => {
            asked++;
            return { response: 1, checkboxChecked: false };
          }) as never;
          const loaded = new Promise((resolve) => {
            window?.webContents.once('did-finish-load', () => resolve('loaded'));
            window?.once('closed', () => resolve('closed'));
          });
          window?.webContents.forcefullyCrashRenderer();
          return { outcome: await loaded, asked };
        });
      expect(await crash()).toEqual({ outcome: 'loaded', asked: 0 });
      expect(await crash()).toEqual({ outcome: 'closed', asked: 1 });
    });

    it('a window comes back where it was, and the last one that closes ends the app', async () => {
      await app.evaluate(({ BrowserWindow }) => {
        const window = BrowserWindow.getAllWindows().find((one) => one.getTitle() === 'Alice');
        window?.setBounds({ x: 33, y: 44, width: 700, height: 555 });
      });
      const ended = new Promise<number | null>((resolve) => app.process().once('exit', resolve));
      await app.evaluate(({ BrowserWindow }) => {
        // Later, so that this call is answered before its window goes.
        setTimeout(() => BrowserWindow.getAllWindows().map((window) => window.close()), 50);
      });
      expect(await ended).toBe(0);
      app = await launchElectron(['--user-data', userData], log);
      await windowTitled(app, 'Alice');
      const bounds = await app.evaluate(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows()
          .find((one) => one.getTitle() === 'Alice')
          ?.getBounds(),
      );
      expect(bounds).toMatchObject({ x: 33, y: 44, width: 700, height: 555 });
    });
  });

  it('nothing else went wrong inside meanwhile', () => {
    const wrong = log.join('').match(/^internal: .*$/gm) ?? [];
    expect(wrong.filter((line) => !/^internal: the page of Bob ended: (crashed|killed)/.test(line))).toEqual([]);
  });
});
