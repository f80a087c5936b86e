// The frame of screens without a session, which need no menu and come first: a card in the middle of the window.
import type { ReactNode } from 'react';
import { LANGUAGES, type Language, useText } from '../text/text.tsx';

/** The language, where nobody is signed in and there is no menu. */
export function LanguageSelect() {
  const { t, language, choose } = useText();
  return (
    <label className="language">
      <span className="visually-hidden">{t('frame.language')}</span>
      <select value={language} onChange={(event) => choose(event.target.value as Language)}>
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Door({ place, title, children }: { place: string; title: string; children: ReactNode }) {
  return (
    <div className="door">
      <main className="door-card" id="content">
        <p className="brand">Domicile</p>
        <h1>{title}</h1>
        <p className="door-place">{place}</p>
        {children}
      </main>
      <footer className="door-foot">
        <LanguageSelect />
      </footer>
    </div>
  );
}
