# One role a function, with what that function does and nothing else.
locals {
  functions = {
    accept = {
      environment = { QUEUE_URL = aws_sqs_queue.sales.url }
      statements  = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.sales.arn }]
    }
    start = {
      environment = { STATE_MACHINE_ARN = local.state_machine_arn }
      statements = [
        { Effect = "Allow", Action = "states:StartExecution", Resource = local.state_machine_arn },
        {
          Effect   = "Allow"
          Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          Resource = aws_sqs_queue.sales.arn
        },
      ]
    }
    check = { environment = {}, statements = [] }
    alert = {
      environment = { TABLE_NAME = aws_dynamodb_table.sales.name }
      statements = [{
        Effect   = "Allow"
        Action   = "dynamodb:PutItem"
        Resource = aws_dynamodb_table.sales.arn
      }]
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.functions
  name              = "/aws/lambda/${var.name_prefix}-${each.key}"
  retention_in_days = 14
}

resource "aws_iam_role" "function" {
  for_each = local.functions
  name     = "${var.name_prefix}-${each.key}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions
  role     = aws_iam_role.function[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(each.value.statements, [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.function[each.key].arn}:*"
    }])
  })
}

resource "aws_lambda_function" "function" {
  for_each         = local.functions
  function_name    = "${var.name_prefix}-${each.key}"
  role             = aws_iam_role.function[each.key].arn
  runtime          = "python3.13"
  handler          = "${each.key}.handler"
  filename         = "${var.packages_directory}/${each.key}.zip"
  source_code_hash = filebase64sha256("${var.packages_directory}/${each.key}.zip")
  timeout          = 10
  memory_size      = 256

  environment {
    variables = each.value.environment
  }

  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function]
}
