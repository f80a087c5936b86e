// The frame around every signed-in screen: brand, ways, language, who is signed in.
import { Menu } from '@base-ui/react/menu';
import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { LANGUAGES, type Language, useText } from '../text/text.tsx';
import { type Way, wayTo } from './ways.ts';

interface Props {
  place: string;
  ways: Way[];
  who: string;
  role: string;
  signOut: () => void;
  /** The way to the own account, where there is one. */
  account?: Way;
  children: ReactNode;
}

export function Frame({ place, ways, who, role, signOut, account, children }: Props) {
  const { t } = useText();
  const [address] = useLocation();
  const here = wayTo(address, ways);
  return (
    <>
      <a className="skip" href="#content">
        {t('frame.skip')}
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          Domicile
        </Link>
        <span className="place">{place}</span>
        <nav aria-label={t('frame.ways')} className="ways">
          {ways.map((way) => (
            <Link key={way.to} href={way.to} aria-current={way === here ? 'page' : undefined}>
              {way.label}
            </Link>
          ))}
        </nav>
        <Menu.Root>
          <Menu.Trigger className="button quiet who" aria-label={`${t('frame.account')}: ${who}`}>
            <span className="who-name">{who}</span>
            <span aria-hidden="true">▾</span>
          </Menu.Trigger>
          <Menu.Portal>
            <Menu.Positioner align="end" sideOffset={6} className="menu-place">
              <Menu.Popup className="menu">
                <Menu.Group>
                  <Menu.GroupLabel className="menu-label">
                    <bdi>{who}</bdi>
                    <br />
                    {role}
                  </Menu.GroupLabel>
                  <Menu.Separator className="menu-line" />
                  <LanguageItems />
                  <Menu.Separator className="menu-line" />
                  {account && (
                    <Menu.Item className="menu-item" render={<Link href={account.to} />}>
                      {account.label}
                    </Menu.Item>
                  )}
                  <Menu.Item className="menu-item" onClick={signOut}>
                    {t('frame.sign_out')}
                  </Menu.Item>
                </Menu.Group>
              </Menu.Popup>
            </Menu.Positioner>
          </Menu.Portal>
        </Menu.Root>
      </header>
      <main id="content">{children}</main>
    </>
  );
}

function LanguageItems() {
  const { language, choose } = useText();
  return (
    <Menu.RadioGroup value={language} onValueChange={(next: Language) => choose(next)}>
      {Object.entries(LANGUAGES).map(([code, name]) => (
        <Menu.RadioItem key={code} value={code} className="menu-item" lang={code}>
          {name}
          <Menu.RadioItemIndicator className="menu-tick">✓</Menu.RadioItemIndicator>
        </Menu.RadioItem>
      ))}
    </Menu.RadioGroup>
  );
}
