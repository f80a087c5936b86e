DROP TABLE {{phi}}.disclosure;
