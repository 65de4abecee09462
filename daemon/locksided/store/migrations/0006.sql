-- Secrets are encrypted from now on. What is stored in plain is encrypted by the daemon, which has the keys.
INSERT INTO meta (key, value) VALUES ('has_plain_secrets', '1');
