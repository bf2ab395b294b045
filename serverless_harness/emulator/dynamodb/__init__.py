"""DynamoDB without Java: LocalStack's DynamoDB API over the tables of moto.

One module for each step of a request: `http` and `wire` (the protocol), `constraints` (the service model),
`provider` (dispatch); `request_expressions` with `expression_parser`, `expression_checks` and
`expression_evaluation`; `legacy` (the parameters before expressions); `partiql`; `keys`, `values`; then
`write_operations` with `single_writes`, `reads`, `queries`, `transactions`; and `store`, where the items are.
`tables`, `table_checks`, `table_settings` and `imports` are the operations on tables; `capacity` counts.

Why it is so, its map, and what differs from AWS: docs/dynamodb.md.
"""
