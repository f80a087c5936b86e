DROP TABLE {{phi}}.correction;
