// Dialogs: focus goes in, stays in, and comes back; Escape closes what may be closed.
import { AlertDialog } from '@base-ui/react/alert-dialog';
import { Dialog } from '@base-ui/react/dialog';
import type { ReactNode } from 'react';
import { useText } from '../text/text.tsx';

interface Props {
  open: boolean;
  title: string;
  children: ReactNode;
  actions: ReactNode;
}

/** A question that must be answered. */
export function Confirm({ open, title, children, actions }: Props) {
  return (
    <AlertDialog.Root open={open}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop" />
        <AlertDialog.Popup className="dialog">
          <AlertDialog.Title className="dialog-title">{title}</AlertDialog.Title>
          <AlertDialog.Description render={<div className="dialog-body" />}>{children}</AlertDialog.Description>
          <div className="actions">{actions}</div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

interface SheetProps extends Omit<Props, 'actions'> {
  close: () => void;
  /** As wide as the screen allows. */
  wide?: true;
}

/** Something to fill in or read beside the page; Escape and the cross close it. */
export function Sheet({ open, close, title, children, wide }: SheetProps) {
  const { t } = useText();
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className={wide ? 'dialog wide' : 'dialog'}>
          <header className="dialog-head">
            <Dialog.Title className="dialog-title">{title}</Dialog.Title>
            <Dialog.Close className="button quiet" aria-label={t('close')}>
              <span aria-hidden="true">✕</span>
            </Dialog.Close>
          </header>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
