create or replace view `lake`.`silver_masked`.`users` as


-- For analysts, who see neither the address nor the number.
SELECT
    user_id_hashed,
    subscription_tier,
    signup_date,
    country,
    -- Mask email: show domain only
    CONCAT('****@', SPLIT(email, '@')[1]) AS email_masked,
    -- Mask phone: show last 4 digits only
    CONCAT('***-***-', RIGHT(phone, 4))   AS phone_masked
FROM `lake`.`silver`.`users`