// Starts the application of patients.
import '../ui/clinic.css';
import '../ui/patient.css';
import { start } from '../shell/start.tsx';
import { PatientApp } from './app.tsx';

start(
  {
    en: () => import('./text/en.ts').then((module) => module.catalog),
    hi: () => import('./text/hi.ts').then((module) => module.catalog),
    es: () => import('./text/es.ts').then((module) => module.catalog),
  },
  (queries) => <PatientApp queries={queries} />,
);
