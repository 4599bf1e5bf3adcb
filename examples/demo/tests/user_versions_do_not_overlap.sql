-- Of one user at most one version holds at any time.
SELECT a.user_id_hashed, a.valid_from, b.valid_from AS also_from
FROM {{ ref('silver_users') }} AS a
JOIN {{ ref('silver_users') }} AS b
  ON a.user_id_hashed = b.user_id_hashed AND a.valid_from < b.valid_from
WHERE a.valid_to IS NULL OR a.valid_to > b.valid_from
