import { expect, it } from 'vitest';
import { Notices } from '../../../electron/services/context.ts';
import { SettingsService } from '../../../electron/services/settings.ts';
import type { Store } from '../../../electron/store/port.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../shared/model/settings.ts';

function storeWith(stored: string | null) {
  const rows = new Map<string, string>(stored === null ? [] : [['settings', stored]]);
  let full = false;
  const store = {
    setting: async (key: string) => rows.get(key) ?? null,
    setSetting: async (key: string, value: string) => {
      if (full) throw new ParleyError('store.full', 'no room');
      rows.set(key, value);
    },
  } as unknown as Store;
  return { store, rows, fill: () => (full = true) };
}

it('keeps what was changed, tells it, and has the rest as it was', async () => {
  const { store } = storeWith(null);
  const notices = new Notices();
  const told: unknown[] = [];
  notices.on(({ event, payload }) => told.push([event, payload]));
  const settings = await SettingsService.open(store, notices);
  const seen: [Settings, Settings][] = [];
  settings.changed.on(({ before, after }) => seen.push([before, after]));
  expect(settings.current).toEqual(DEFAULT_SETTINGS);

  const after = await settings.change({ deviceName: 'Alice at desk', typing: undefined });
  expect(after).toEqual({ ...DEFAULT_SETTINGS, deviceName: 'Alice at desk' });
  expect(told).toEqual([['settings.changed', after]]);
  expect(seen).toEqual([[DEFAULT_SETTINGS, after]]);
  expect((await SettingsService.open(store, new Notices())).current).toEqual(after);
});

it('two changes at once both hold', async () => {
  const { store } = storeWith(null);
  const settings = await SettingsService.open(store, new Notices());
  await Promise.all([settings.change({ typing: false }), settings.change({ deviceName: 'desk' })]);
  expect((await SettingsService.open(store, new Notices())).current).toMatchObject({ typing: false, deviceName: 'desk' });
});

it('says so when the disk is full, and goes on with what was there', async () => {
  const { store, fill } = storeWith('{"typing":false}');
  const settings = await SettingsService.open(store, new Notices());
  fill();
  await expect(settings.change({ deviceName: 'desk' })).rejects.toMatchObject({ code: 'store.full' });
  expect(settings.current).toEqual({ ...DEFAULT_SETTINGS, typing: false });
});

it.each([
  'not JSON',
  '[]',
  'null',
  '"text"',
  '{"typing":"yes","deviceName":7,"constructor":1}',
  `{"deviceName":"${'x'.repeat(65)}"}`,
  '{"deviceName":"a\\r\\nb"}',
])('a stored %s does not stop the start', async (stored) => {
  const { store } = storeWith(stored);
  expect((await SettingsService.open(store, new Notices())).current).toEqual(DEFAULT_SETTINGS);
});
