# More than forty types of resources that the services here know, each at least once.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "prefix" { type = string }

provider "aws" {
  region                      = "us-east-1"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_requesting_account_id  = false
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com", "states.amazonaws.com", "firehose.amazonaws.com", "logs.amazonaws.com", "events.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["logs:*", "s3:*", "lambda:InvokeFunction", "sqs:*"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "all" {
  name               = "${var.prefix}-role"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = { test = var.prefix }
}

resource "aws_iam_role_policy" "all" {
  name   = "inline"
  role   = aws_iam_role.all.id
  policy = data.aws_iam_policy_document.logs.json
}

resource "aws_iam_policy" "all" {
  name   = "${var.prefix}-policy"
  policy = data.aws_iam_policy_document.logs.json
}

resource "aws_iam_role_policy_attachment" "all" {
  role       = aws_iam_role.all.name
  policy_arn = aws_iam_policy.all.arn
}

resource "aws_iam_user" "user" {
  name = "${var.prefix}-user"
}

resource "aws_iam_group" "group" {
  name = "${var.prefix}-group"
}

resource "aws_iam_group_membership" "members" {
  name  = "members"
  group = aws_iam_group.group.name
  users = [aws_iam_user.user.name]
}

resource "aws_iam_instance_profile" "profile" {
  name = "${var.prefix}-profile"
  role = aws_iam_role.all.name
}

resource "aws_kms_key" "key" {
  description             = var.prefix
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "key" {
  name          = "alias/${var.prefix}"
  target_key_id = aws_kms_key.key.id
}

resource "aws_s3_bucket" "bucket" {
  bucket        = "${var.prefix}-bucket"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "bucket" {
  bucket = aws_s3_bucket.bucket.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_public_access_block" "bucket" {
  bucket              = aws_s3_bucket.bucket.id
  block_public_acls   = true
  block_public_policy = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "bucket" {
  bucket = aws_s3_bucket.bucket.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}

resource "aws_s3_bucket_cors_configuration" "bucket" {
  bucket = aws_s3_bucket.bucket.id
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["https://example.com"]
  }
}

resource "aws_s3_object" "object" {
  bucket  = aws_s3_bucket.bucket.id
  key     = "hello.txt"
  content = "hello"
}

resource "aws_sqs_queue" "dead" {
  name = "${var.prefix}-dead"
}

resource "aws_sqs_queue" "queue" {
  name           = "${var.prefix}-queue"
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 3 })
}

data "aws_iam_policy_document" "queue" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.queue.arn]
    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com", "events.amazonaws.com"]
    }
  }
}

resource "aws_sqs_queue_policy" "queue" {
  queue_url = aws_sqs_queue.queue.id
  policy    = data.aws_iam_policy_document.queue.json
}

resource "aws_sns_topic" "topic" {
  name = "${var.prefix}-topic"
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn = aws_sns_topic.topic.arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.queue.arn
}

resource "aws_dynamodb_table" "table" {
  name         = "${var.prefix}-table"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_dynamodb_table_item" "item" {
  table_name = aws_dynamodb_table.table.name
  hash_key   = "id"
  item       = jsonencode({ id = { S = "1" }, n = { N = "2" } })
}

resource "aws_cloudwatch_log_group" "group" {
  name              = "/${var.prefix}/group"
  retention_in_days = 7
  tags              = { test = var.prefix }
}

resource "aws_cloudwatch_log_stream" "stream" {
  name           = "stream"
  log_group_name = aws_cloudwatch_log_group.group.name
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "errors"
  log_group_name = aws_cloudwatch_log_group.group.name
  pattern        = "{ $.level = \"ERROR\" }"
  metric_transformation {
    namespace = var.prefix
    name      = "errors"
    value     = "1"
    dimensions = {
      Shop = "$.shop"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.prefix}-errors"
  namespace           = var.prefix
  metric_name         = "errors"
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  alarm_actions       = [aws_sns_topic.topic.arn]
}

resource "aws_cloudwatch_dashboard" "dashboard" {
  dashboard_name = "${var.prefix}-dashboard"
  dashboard_body = jsonencode({ widgets = [] })
}

resource "aws_lambda_function" "function" {
  function_name    = "${var.prefix}-function"
  role             = aws_iam_role.all.arn
  runtime          = "python3.13"
  handler          = "main.handler"
  filename         = "${path.module}/function.zip"
  source_code_hash = filebase64sha256("${path.module}/function.zip")
  publish          = true
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.function.function_name
  function_version = aws_lambda_function.function.version
}

resource "aws_lambda_layer_version" "layer" {
  layer_name          = "${var.prefix}-layer"
  filename            = "${path.module}/function.zip"
  compatible_runtimes = ["python3.13"]
}

resource "aws_lambda_permission" "logs" {
  statement_id  = "logs"
  function_name = aws_lambda_function.function.function_name
  action        = "lambda:InvokeFunction"
  principal     = "logs.us-east-1.amazonaws.com"
  source_arn    = "${aws_cloudwatch_log_group.group.arn}:*"
}

resource "aws_lambda_function_event_invoke_config" "function" {
  function_name                = aws_lambda_function.function.function_name
  maximum_retry_attempts       = 1
  maximum_event_age_in_seconds = 60
}

resource "aws_lambda_event_source_mapping" "queue" {
  function_name    = aws_lambda_function.function.arn
  event_source_arn = aws_sqs_queue.dead.arn
  batch_size       = 1
  depends_on       = [aws_iam_role_policy.all]
}

resource "aws_cloudwatch_log_subscription_filter" "errors" {
  name            = "errors"
  log_group_name  = aws_cloudwatch_log_group.group.name
  filter_pattern  = "ERROR"
  destination_arn = aws_lambda_function.function.arn
  depends_on      = [aws_lambda_permission.logs]
}

resource "aws_cloudwatch_event_bus" "bus" {
  name = "${var.prefix}-bus"
}

resource "aws_cloudwatch_event_rule" "rule" {
  name                = "${var.prefix}-rule"
  schedule_expression = "rate(1 day)"
}

resource "aws_cloudwatch_event_target" "queue" {
  rule = aws_cloudwatch_event_rule.rule.name
  arn  = aws_sqs_queue.queue.arn
}

resource "aws_cloudwatch_event_archive" "archive" {
  name             = "${var.prefix}-archive"
  event_source_arn = aws_cloudwatch_event_bus.bus.arn
}

resource "aws_sfn_state_machine" "flow" {
  name       = "${var.prefix}-flow"
  role_arn   = aws_iam_role.all.arn
  definition = jsonencode({ StartAt = "Done", States = { Done = { Type = "Succeed" } } })
}

resource "aws_sfn_activity" "activity" {
  name = "${var.prefix}-activity"
}

resource "aws_ssm_parameter" "parameter" {
  name  = "/${var.prefix}/parameter"
  type  = "SecureString"
  value = "secret"
}

resource "aws_secretsmanager_secret" "secret" {
  name                    = "${var.prefix}-secret"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "secret" {
  secret_id     = aws_secretsmanager_secret.secret.id
  secret_string = "secret"
}

resource "aws_scheduler_schedule_group" "group" {
  name = "${var.prefix}-group"
}

resource "aws_kinesis_firehose_delivery_stream" "stream" {
  name        = "${var.prefix}-stream"
  destination = "extended_s3"
  extended_s3_configuration {
    role_arn   = aws_iam_role.all.arn
    bucket_arn = aws_s3_bucket.bucket.arn
  }
}

resource "aws_api_gateway_rest_api" "api" {
  name = "${var.prefix}-api"
}

resource "aws_api_gateway_resource" "path" {
  rest_api_id = aws_api_gateway_rest_api.api.id
  parent_id   = aws_api_gateway_rest_api.api.root_resource_id
  path_part   = "path"
}

resource "aws_api_gateway_method" "get" {
  rest_api_id   = aws_api_gateway_rest_api.api.id
  resource_id   = aws_api_gateway_resource.path.id
  http_method   = "GET"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "get" {
  rest_api_id             = aws_api_gateway_rest_api.api.id
  resource_id             = aws_api_gateway_resource.path.id
  http_method             = aws_api_gateway_method.get.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.function.invoke_arn
}

resource "aws_api_gateway_deployment" "api" {
  rest_api_id = aws_api_gateway_rest_api.api.id
  depends_on  = [aws_api_gateway_integration.get]
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id   = aws_api_gateway_rest_api.api.id
  deployment_id = aws_api_gateway_deployment.api.id
  stage_name    = "live"
}

resource "aws_api_gateway_api_key" "key" {
  name = "${var.prefix}-key"
}

resource "aws_api_gateway_usage_plan" "plan" {
  name = "${var.prefix}-plan"
  api_stages {
    api_id = aws_api_gateway_rest_api.api.id
    stage  = aws_api_gateway_stage.live.stage_name
  }
}

resource "aws_api_gateway_usage_plan_key" "key" {
  key_id        = aws_api_gateway_api_key.key.id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.plan.id
}

resource "aws_vpc" "vpc" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "subnet" {
  vpc_id     = aws_vpc.vpc.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_security_group" "group" {
  name   = "${var.prefix}-group"
  vpc_id = aws_vpc.vpc.id
}

resource "aws_route53_zone" "zone" {
  name = "${var.prefix}.example.com"
}

resource "aws_route53_record" "record" {
  zone_id = aws_route53_zone.zone.zone_id
  name    = "www"
  type    = "A"
  ttl     = 60
  records = ["10.0.0.1"]
}

resource "aws_ses_email_identity" "sender" {
  email = "sender@${var.prefix}.example.com"
}

resource "aws_acm_certificate" "certificate" {
  domain_name       = "${var.prefix}.example.com"
  validation_method = "DNS"
}

resource "aws_resourcegroups_group" "group" {
  name = "${var.prefix}-group"
  resource_query {
    query = jsonencode({ ResourceTypeFilters = ["AWS::AllSupported"], TagFilters = [{ Key = "test", Values = [var.prefix] }] })
  }
}
