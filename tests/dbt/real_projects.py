"""Public dbt projects and how each is run: the recipes `compare --all FOLDER` reads.

FOLDER holds one copy of each repository under its own name (jaffle-shop, dbt-utils, dbt_stripe, …), unchanged.
"""


class Recipe:
    def __init__(self, name, profile, commands, inside=".", packages=(), schema="main", seeds=None, note=""):
        self.name = name          # folder below FOLDER
        self.profile = profile    # what the project's `profile:` says
        self.commands = commands  # words after `dbt`, one list per command
        self.inside = inside      # the project within the repository
        self.packages = packages  # (name of the package, folder below FOLDER)
        self.schema = schema      # of the target
        self.seeds = seeds        # (folder below FOLDER, folder in the project): data the repository leaves out
        self.note = note


SEED_RUN_TEST = [["seed"], ["run"], ["test"]]
FIVETRAN = (("fivetran_utils", "dbt_fivetran_utils"), ("dbt_utils", "dbt-utils"))  # no spark_utils: dbt on DuckDB does not parse it

RECIPES = [
    Recipe("jaffle_shop_duckdb", "jaffle_shop", [["build"]]),
    Recipe("jaffle-shop-classic", "jaffle_shop", [["build"]]),
    Recipe("jaffle-shop", "default",
           [["seed", "--vars", "load_source_data: true"], ["build", "--exclude", "resource_type:seed"]],
           packages=(("dbt_utils", "dbt-utils"), ("dbt_date", "dbt-date"), ("audit_helper", "dbt-audit-helper")),
           seeds=("jaffle-data", "seeds/jaffle-data"),
           note="raw_items and raw_orders are not in the repository; jafgen makes them"),
    Recipe("dbt-date", "integration_tests", [["run"], ["test"]], "integration_tests", (("dbt_date", "dbt-date"),)),
    Recipe("dbt-utils", "integration_tests", SEED_RUN_TEST, "integration_tests", (("dbt_utils", "dbt-utils"),)),
    Recipe("dbt-expectations", "integration_tests", [["run"], ["test"]], "integration_tests",
           (("dbt_expectations", "dbt-expectations"), ("dbt_date", "dbt-date"))),
    Recipe("dbt_stripe", "integration_tests", SEED_RUN_TEST, "integration_tests", (("stripe", "dbt_stripe"), *FIVETRAN),
           "stripe_integrations_tests"),
    Recipe("dbt_salesforce", "integration_tests", SEED_RUN_TEST, "integration_tests",
           (("salesforce", "dbt_salesforce"), *FIVETRAN), "salesforce_integrations_tests_4"),
    Recipe("dbt_hubspot", "integration_tests", SEED_RUN_TEST, "integration_tests",
           (("hubspot", "dbt_hubspot"), *FIVETRAN), "hubspot_integration_tests"),
]
