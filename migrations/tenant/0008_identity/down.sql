DROP TABLE {{ops}}.session_policy;
DROP TABLE {{ops}}.recovery;
DROP TABLE {{ops}}.mail_request;
DROP TABLE {{ops}}.device;
DROP TABLE {{ops}}.challenge;
DROP TABLE {{ops}}.passkey;
