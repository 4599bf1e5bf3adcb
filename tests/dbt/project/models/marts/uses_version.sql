select a, b from {{ ref('versioned') }} union all select a, 0 from {{ ref('versioned', v=1) }}
