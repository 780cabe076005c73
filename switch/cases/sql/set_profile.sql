-- set_profile: how a person wants to be told of cases.
--   $1 person  $2 e-mail address  $3 URL  $4 language  $5 choices
INSERT INTO switch.notice_profile (person, email, webhook, language, choices) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person) DO UPDATE SET email = $2, webhook = $3, language = $4, choices = $5
