DROP TABLE {{phi}}.person_tag;
DROP TABLE {{phi}}.person;
DROP TABLE {{ops}}.audit_event CASCADE;
DROP TABLE {{ops}}.idempotency;
DROP TABLE {{ops}}.patient;
DROP TABLE {{ops}}.session;
DROP TABLE {{ops}}.invitation;
DROP TABLE {{ops}}.account;
