import type { ClientHandlers } from '../../shared/ipc/contract.ts';
import type { ContactService } from '../services/contacts.ts';
import type { RegistrationService } from '../services/registration.ts';
import type { TransferService } from '../services/transfers/transfer-service.ts';
import type { Store } from '../store/port.ts';
import type { FileCandidates } from './file-candidates.ts';
import { methodsOf } from './methods.ts';
import { PickedThumbnails } from './picked-thumbnails.ts';
import type { ClientPorts } from './port.ts';
import { type PictureOf, pickedPreviewOf, previewOf, type ServedPicture } from './preview.ts';

/** What files need of an account at work. */
interface FileParts {
  readonly store: Store;
  readonly contacts: ContactService;
  readonly registration: RegistrationService;
  readonly transfers: TransferService;
}

type FileMethods = Pick<ClientHandlers, Extract<keyof ClientHandlers, `files.${string}` | `transfers.${string}`>>;

/** @param core rejects while the account is not at work */
export function fileMethods(ports: ClientPorts, core: () => Promise<FileParts>, files: FileCandidates): FileMethods {
  const thumbnails = new PickedThumbnails(async (id, icon) => (await core()).transfers.illustrate(id, icon));
  const { call, order } = methodsOf(core);
  return {
    'files.choose': async () => ({ items: await files.offerAll(await ports.host.chooseFiles()) }),
    'files.send': call(async ({ contacts, registration, transfers }, { conversationId, clientId, token }) => {
      registration.hasten();
      await contacts.acceptBeforeWriting(conversationId);
      const message = await transfers.send(conversationId, clientId, files.take(token));
      if (message.transfer) await thumbnails.sent(token, message.transfer.id);
      return message;
    }),
    'files.request': call(async ({ contacts, registration, transfers }, params) => {
      registration.hasten();
      await contacts.acceptBeforeWriting(params.conversationId);
      return transfers.request(params);
    }),
    'files.page': call(({ store }, page) => store.filesPage(page)),
    'transfers.queue': call(({ transfers }) => ({ items: transfers.queue })),
    'transfers.give': order(({ transfers }, { transferId, token }) => transfers.give(transferId, files.take(token))),
    'transfers.pause': order(({ transfers }, { transferId }) => transfers.pause(transferId)),
    'transfers.resume': order(({ registration, transfers }, { transferId }) => {
      registration.hasten();
      return transfers.resume(transferId);
    }),
    'transfers.saveAs': call(async ({ transfers }, { transferId }) => ({
      saved: await ports.host.saveCopy((await transfers.readyFile(transferId)).path),
    })),
    'files.thumbnail': async ({ token, octets }) => {
      files.take(token);
      await thumbnails.made(token, octets);
      return {};
    },
    'transfers.candidate': call(async ({ transfers }, { transferId }) => files.offer((await transfers.readyFile(transferId)).path)),
    'transfers.accept': order(({ transfers }, { transferId }) => transfers.accept(transferId)),
    'transfers.decline': order(({ transfers }, { transferId }) => transfers.decline(transferId)),
    'transfers.cancel': order(({ transfers }, { transferId }) => transfers.cancel(transferId)),
    'transfers.open': order(async ({ transfers }, { transferId }) => {
      const { path } = await transfers.readyFile(transferId);
      await ports.host.openPath(path);
      transfers.opened(transferId);
    }),
    'transfers.showInFolder': order(async ({ transfers }, { transferId }) => {
      await ports.host.showInFolder((await transfers.readyFile(transferId)).path);
    }),
  };
}

/** @returns null where there is none to show */
export async function pictureOf(of: PictureOf, core: () => Promise<FileParts>, files: FileCandidates): Promise<ServedPicture | null> {
  if (of.what === 'picked') return pickedPreviewOf(files.take(of.token).path);
  const { store, transfers } = await core();
  const { conversationId } = await store.transfer(of.id);
  // nothing of a stranger is decoded before it is accepted
  if ((await store.conversation(conversationId)).request) return null;
  if (of.what === 'thumbnail') return store.thumbnail(of.id);
  const ready = await transfers.readyFile(of.id).catch(() => null);
  return ready && previewOf(ready.path);
}
