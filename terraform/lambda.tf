module "accept" {
  source = "./modules/function"

  function_name         = "${var.name_prefix}-accept"
  handler               = "accept.lambda_handler"
  package_path          = "${var.packages_directory}/accept.zip"
  memory_mb             = var.memory_mb.accept
  timeout_s             = var.timeout_s.accept
  kms_key_arn           = var.kms_key_arn
  log_retention_days    = var.log_retention_days
  policy_json           = data.aws_iam_policy_document.accept.json
  environment_variables = { to_decrypt_topic_arn = aws_sns_topic.to_decrypt.arn }
}

module "decrypt" {
  source = "./modules/function"

  function_name      = "${var.name_prefix}-decrypt"
  handler            = "decrypt.lambda_handler"
  package_path       = "${var.packages_directory}/decrypt.zip"
  memory_mb          = var.memory_mb.decrypt
  timeout_s          = var.timeout_s.decrypt
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  policy_json        = data.aws_iam_policy_document.decrypt.json
  environment_variables = {
    key_prefix            = var.key_prefix
    to_process_topic_arn  = aws_sns_topic.to_process.arn
    dead_letter_queue_url = local.dead_letter_queues.decrypt.url
  }
}

module "process" {
  source = "./modules/function"

  function_name      = "${var.name_prefix}-process"
  handler            = "process.lambda_handler"
  package_path       = "${var.packages_directory}/process.zip"
  memory_mb          = var.memory_mb.process
  timeout_s          = var.timeout_s.process
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  policy_json        = data.aws_iam_policy_document.process.json
  environment_variables = {
    table_name            = aws_dynamodb_table.shops.name
    dead_letter_queue_url = local.dead_letter_queues.process.url
  }
}

resource "aws_lambda_permission" "api_gateway_accept" {
  statement_id  = "AllowShopApi"
  action        = "lambda:InvokeFunction"
  function_name = module.accept.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.shop.execution_arn}/${local.stage_name}/POST/shop"
}

resource "aws_lambda_permission" "sns_decrypt" {
  statement_id  = "AllowToDecrypt"
  action        = "lambda:InvokeFunction"
  function_name = module.decrypt.function_name
  principal     = "sns.amazonaws.com"
  source_arn    = aws_sns_topic.to_decrypt.arn
}

resource "aws_lambda_permission" "sns_process" {
  statement_id  = "AllowToProcess"
  action        = "lambda:InvokeFunction"
  function_name = module.process.function_name
  principal     = "sns.amazonaws.com"
  source_arn    = aws_sns_topic.to_process.arn
}

resource "aws_lambda_function_event_invoke_config" "decrypt" {
  function_name                = module.decrypt.function_name
  maximum_retry_attempts       = var.maximum_retry_attempts
  maximum_event_age_in_seconds = var.maximum_event_age_s

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters["decrypt"].arn
    }
  }
}

resource "aws_lambda_function_event_invoke_config" "process" {
  function_name                = module.process.function_name
  maximum_retry_attempts       = var.maximum_retry_attempts
  maximum_event_age_in_seconds = var.maximum_event_age_s

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters["process"].arn
    }
  }
}
