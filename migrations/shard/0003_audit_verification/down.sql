DROP TABLE audit.verification CASCADE;
