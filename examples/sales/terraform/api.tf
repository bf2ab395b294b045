resource "aws_api_gateway_rest_api" "sales" {
  name = var.name_prefix
}

resource "aws_api_gateway_resource" "sales" {
  rest_api_id = aws_api_gateway_rest_api.sales.id
  parent_id   = aws_api_gateway_rest_api.sales.root_resource_id
  path_part   = "sales"
}

resource "aws_api_gateway_method" "accept" {
  rest_api_id   = aws_api_gateway_rest_api.sales.id
  resource_id   = aws_api_gateway_resource.sales.id
  http_method   = "POST"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "accept" {
  rest_api_id             = aws_api_gateway_rest_api.sales.id
  resource_id             = aws_api_gateway_resource.sales.id
  http_method             = aws_api_gateway_method.accept.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.function["accept"].invoke_arn
}

resource "aws_lambda_permission" "api" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function["accept"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.sales.execution_arn}/*/POST/sales"
}

resource "aws_api_gateway_deployment" "sales" {
  rest_api_id = aws_api_gateway_rest_api.sales.id
  triggers    = { redeployment = sha1(file("${path.module}/api.tf")) }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_api_gateway_integration.accept]
}

resource "aws_api_gateway_stage" "v1" {
  rest_api_id   = aws_api_gateway_rest_api.sales.id
  deployment_id = aws_api_gateway_deployment.sales.id
  stage_name    = "v1"
}
