import type { Handlers } from '../../shared/ipc/contract.ts';
import type { Message } from '../../shared/model/message.ts';

/** All messages of a conversation, oldest first, page by page as a window would read them. */
export async function wholeHistory(page: Handlers['messages.page'], conversationId: number): Promise<Message[]> {
  let rows: Message[] = [];
  for (let more = true; more; ) {
    const before = rows[0]?.id;
    const found = await page({ conversationId, limit: 200, ...(before === undefined ? {} : { before }) });
    rows = [...found.items, ...rows];
    more = found.moreBefore;
  }
  return rows;
}
