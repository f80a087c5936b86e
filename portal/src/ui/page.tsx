// A screen's frame: its one heading, its title in the browser's bar, and where the focus goes when it opens.
import { type ReactNode, useEffect, useRef } from 'react';
import { useStandStill } from './stand-still.ts';
import { useTitle } from './title.ts';

type Props = {
  above?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
} & (
  | { title: string; tab?: never }
  /** A heading about a person has another title in the browser's bar, because browsers keep that. */
  | { title: ReactNode; tab: string }
);

export function Page({ title, tab, above, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useTitle(tab ?? String(title));
  useStandStill();
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className="page">
      {above}
      <header className="page-head">
        <h1 tabIndex={-1} ref={heading}>
          {title}
        </h1>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
