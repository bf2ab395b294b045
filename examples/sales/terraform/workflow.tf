# A sale waits in the queue until an execution was started for it, at most three times, then in the dead-letter queue.
resource "aws_sqs_queue" "sales" {
  name                       = "${var.name_prefix}-sales"
  visibility_timeout_seconds = 10

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.not_started.arn
    maxReceiveCount     = 3
  })
}

resource "aws_sqs_queue" "not_started" {
  name = "${var.name_prefix}-not-started"
}

resource "aws_lambda_event_source_mapping" "sales" {
  event_source_arn        = aws_sqs_queue.sales.arn
  function_name           = aws_lambda_function.function["start"].function_name
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
}

resource "aws_dynamodb_table" "sales" {
  name         = "${var.name_prefix}-sales"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_sqs_queue" "rejected" {
  name = "${var.name_prefix}-rejected"
}

locals {
  # By its name, because the function that starts it is a part of it.
  state_machine_name = "${var.name_prefix}-book"
  state_machine_arn = join(":", [
    "arn:aws:states", data.aws_region.current.name, data.aws_caller_identity.current.account_id,
    "stateMachine", local.state_machine_name,
  ])
}

resource "aws_iam_role" "workflow" {
  name = "${var.name_prefix}-workflow"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = { ArnLike = { "aws:SourceArn" = local.state_machine_arn } }
    }]
  })
}

resource "aws_iam_role_policy" "workflow" {
  role = aws_iam_role.workflow.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "lambda:InvokeFunction", Resource = aws_lambda_function.function["check"].arn },
      { Effect = "Allow", Action = "dynamodb:PutItem", Resource = aws_dynamodb_table.sales.arn },
      { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.rejected.arn },
    ]
  })
}

resource "aws_sfn_state_machine" "book" {
  name     = local.state_machine_name
  role_arn = aws_iam_role.workflow.arn

  definition = jsonencode({
    StartAt = "Check"
    States = {
      Check = {
        Type     = "Task"
        Resource = aws_lambda_function.function["check"].arn
        Retry = [{
          ErrorEquals     = ["Lambda.ServiceException", "Lambda.TooManyRequestsException", "Lambda.Unknown"]
          IntervalSeconds = 1
          MaxAttempts     = 5
        }]
        Catch = [{ ErrorEquals = ["InvalidSaleError"], ResultPath = "$.error", Next = "Reject" }]
        Next  = "Book"
      }
      Book = {
        Type     = "Task"
        Resource = "arn:aws:states:::dynamodb:putItem"
        Parameters = {
          TableName = aws_dynamodb_table.sales.name
          Item = {
            id    = { "S.$" = "$.id" }
            shop  = { "S.$" = "$.shop" }
            cents = { "N.$" = "$.cents" }
          }
        }
        Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 1, MaxAttempts = 5 }]
        End   = true
      }
      Reject = {
        Type       = "Task"
        Resource   = "arn:aws:states:::sqs:sendMessage"
        Parameters = { QueueUrl = aws_sqs_queue.rejected.url, "MessageBody.$" = "$.id" }
        End        = true
      }
    }
  })

  depends_on = [aws_iam_role_policy.workflow]
}

# Errors that `check` logs go to `alert`, which may be invoked by that log group alone.
resource "aws_cloudwatch_log_subscription_filter" "errors" {
  name            = "errors"
  log_group_name  = aws_cloudwatch_log_group.function["check"].name
  filter_pattern  = "{ $.level = \"ERROR\" && $.sale = \"*\" }"
  destination_arn = aws_lambda_function.function["alert"].arn
  depends_on      = [aws_lambda_permission.logs]
}

resource "aws_lambda_permission" "logs" {
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.function["alert"].function_name
  principal      = "logs.${data.aws_region.current.name}.amazonaws.com"
  source_arn     = "${aws_cloudwatch_log_group.function["check"].arn}:*"
  source_account = data.aws_caller_identity.current.account_id
}

output "table_name" {
  value = aws_dynamodb_table.sales.name
}

output "queues" {
  value = {
    sales       = aws_sqs_queue.sales.url
    not_started = aws_sqs_queue.not_started.url
    rejected    = aws_sqs_queue.rejected.url
  }
}
