DROP TABLE {{ops}}.email_change;
