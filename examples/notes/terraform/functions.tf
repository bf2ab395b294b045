data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

# One role a function, with what that function does and nothing else.
data "aws_iam_policy_document" "api" {
  statement {
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [aws_dynamodb_table.notes.arn]
  }

  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.written.arn]
  }

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.api.arn}:*"]
  }
}

data "aws_iam_policy_document" "index" {
  statement {
    actions   = ["dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.notes.arn]
  }

  statement {
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.written.arn]
  }

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.index.arn}:*"]
  }
}

resource "aws_iam_role" "api" {
  name               = "${var.name_prefix}-api"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "api" {
  role   = aws_iam_role.api.id
  policy = data.aws_iam_policy_document.api.json
}

resource "aws_iam_role" "index" {
  name               = "${var.name_prefix}-index"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "index" {
  role   = aws_iam_role.index.id
  policy = data.aws_iam_policy_document.index.json
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/lambda/${var.name_prefix}-api"
  retention_in_days = 14
}

resource "aws_cloudwatch_log_group" "index" {
  name              = "/aws/lambda/${var.name_prefix}-index"
  retention_in_days = 14
}

resource "aws_lambda_function" "api" {
  function_name    = "${var.name_prefix}-api"
  role             = aws_iam_role.api.arn
  runtime          = "python3.13"
  handler          = "api.handler"
  filename         = "${var.packages_directory}/api.zip"
  source_code_hash = filebase64sha256("${var.packages_directory}/api.zip")
  timeout          = 10
  memory_size      = 256

  environment {
    variables = {
      TABLE_NAME = aws_dynamodb_table.notes.name
      QUEUE_URL  = aws_sqs_queue.written.url
    }
  }

  depends_on = [aws_cloudwatch_log_group.api]
}

resource "aws_lambda_function" "index" {
  function_name    = "${var.name_prefix}-index"
  role             = aws_iam_role.index.arn
  runtime          = "python3.13"
  handler          = "index.handler"
  filename         = "${var.packages_directory}/index.zip"
  source_code_hash = filebase64sha256("${var.packages_directory}/index.zip")
  timeout          = 5
  memory_size      = 256

  environment {
    variables = { TABLE_NAME = aws_dynamodb_table.notes.name }
  }

  depends_on = [aws_cloudwatch_log_group.index, aws_iam_role_policy.index]
}
