"""DynamoDB without Java: LocalStack's DynamoDB API over the tables of moto.

One module for each step of a request: `provider` (dispatch); `expressions` with `expression_parser`,
`expression_checks` and `expression_tree`; `legacy` (the parameters before expressions); `keys`, `values`;
then `writes`, `reads`, `queries`, `transactions`; and `store`, where the items are. `tables` and
`table_settings` mend moto's answers; `capacity` counts.

Why it is so, and what differs from AWS: docs/dynamodb.md.
"""
