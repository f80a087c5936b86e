// Links to a document's bytes: each works once, so one is asked for at each opening.
import { call } from '../../api/call.ts';
import { type Disposition, documentLink } from '../../api/clinic.gen.ts';

export async function linkTo(id: string, disposition: Disposition, signal?: AbortSignal): Promise<string> {
  const { data } = await call(documentLink, { path: { id }, query: { disposition }, ...(signal && { signal }) });
  return data.url;
}

export async function saveDocument(id: string): Promise<void> {
  // A click, not a way to another page: an answer that is no file leaves this page as it is.
  const link = document.createElement('a');
  link.href = await linkTo(id, 'attachment');
  link.download = '';
  link.referrerPolicy = 'no-referrer';
  link.click();
}

/** Shows a document in a tab of its own. It is opened at once, while the browser still knows that somebody asked for it. */
export async function showInTab(id: string): Promise<void> {
  const tab = window.open('', '_blank');
  if (!tab) return saveDocument(id);
  tab.opener = null;
  try {
    tab.location.replace(await linkTo(id, 'inline'));
  } catch (error) {
    tab.close();
    throw error;
  }
}
