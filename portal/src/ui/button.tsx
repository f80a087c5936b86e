// Buttons: one look for the main thing to do, one for the rest, one for what cannot be taken back.
import type { ButtonHTMLAttributes } from 'react';

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'primary' | 'plain' | 'danger' | 'quiet';
  /** Work is under way: the button waits and says so. */
  busy?: boolean;
}

export function Button({ look = 'plain', busy = false, children, disabled, ...rest }: Props) {
  return (
    <button type="button" className={`button ${look}`} aria-busy={busy} disabled={disabled || busy} {...rest}>
      {busy && <span className="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}
