// Opening a document by a link that works once, asked for at each opening.
import { call } from '../../api/call.ts';
import { documentLink } from '../../api/clinic.gen.ts';

export async function openDocument(id: string): Promise<void> {
  const { data } = await call(documentLink, { path: { id } });
  // A click, not a way to another page: an answer that is no file leaves this page as it is.
  const link = document.createElement('a');
  link.href = data.url;
  link.download = '';
  link.referrerPolicy = 'no-referrer';
  link.click();
}
