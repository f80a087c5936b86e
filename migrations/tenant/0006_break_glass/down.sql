DROP TABLE {{phi}}.break_glass;
