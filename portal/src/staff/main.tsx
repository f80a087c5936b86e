// Starts the application of clinic staff.
import '../ui/clinic.css';
import { start } from '../shell/start.tsx';
import { StaffApp } from './app.tsx';

start(
  {
    en: () => import('./text/en.ts').then((module) => module.catalog),
    hi: () => import('./text/hi.ts').then((module) => module.catalog),
    es: () => import('./text/es.ts').then((module) => module.catalog),
  },
  (queries) => <StaffApp queries={queries} />,
);
