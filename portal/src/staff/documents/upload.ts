// Sends a file: announced, sent part by part, completed. Whatever stops it half-way takes the announcement back.
import { call, send, versionTag } from '../../api/call.ts';
import {
  type DocumentKind,
  type DocumentView,
  documentComplete,
  documentCreate,
  documentDelete,
  documentPart,
  documentRead,
  type MediaType,
} from '../../api/clinic.gen.ts';

export interface Announcement {
  patient: string;
  kind: DocumentKind;
  title: string;
  /** The day that the document itself bears, as YYYY-MM-DD; empty when it bears none. */
  datedOn: string;
  mediaType: MediaType;
  file: File;
  /** The document that this one takes the place of once it is accepted, as it was read. */
  replaces?: Pick<DocumentView, 'id' | 'version'> | undefined;
}

export interface Watch {
  signal: AbortSignal;
  /** Of all bytes, from 0 to 1. */
  progress: (share: number) => void;
}

export async function upload(what: Announcement, watch: Watch): Promise<DocumentView> {
  const { data: document } = await call(documentCreate, {
    path: { id: what.patient },
    idempotencyKey: crypto.randomUUID(),
    ...(what.replaces && { ifMatch: versionTag(what.replaces) }),
    body: {
      kind: what.kind,
      title: what.title,
      media_type: what.mediaType,
      file_name: what.file.name,
      size_bytes: what.file.size,
      ...(what.datedOn && { dated_on: what.datedOn }),
      ...(what.replaces && { supersedes: what.replaces.id }),
    },
    signal: watch.signal,
  });
  try {
    await sendParts(document, what.file, watch);
    return (await call(documentComplete, { path: { id: document.id }, signal: watch.signal })).data;
  } catch (error) {
    await giveUp(document.id);
    throw error;
  }
}

async function sendParts({ id, upload: plan }: DocumentView, file: File, watch: Watch): Promise<void> {
  const partBytes = plan?.part_bytes ?? file.size;
  for (let number = 1, from = 0; from < file.size; number += 1, from += partBytes) {
    const bytes = file.slice(from, from + partBytes);
    await send(documentPart, { id, number: String(number) }, bytes, {
      signal: watch.signal,
      progress: (sent) => watch.progress(Math.min(1, (from + sent) / file.size)),
    });
  }
}

/** Takes back what was announced, if the server still answers; what stays is removed by it after a day. */
async function giveUp(id: string): Promise<void> {
  try {
    const { etag } = await call(documentRead, { path: { id } });
    await call(documentDelete, { path: { id }, ifMatch: etag });
  } catch {
    // Why the sending ended is what there is to say.
  }
}
