locals {
  stage_name = "prod"
}

resource "aws_api_gateway_rest_api" "shop" {
  name = "${var.name_prefix}-shop"

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_resource" "shop" {
  rest_api_id = aws_api_gateway_rest_api.shop.id
  parent_id   = aws_api_gateway_rest_api.shop.root_resource_id
  path_part   = "shop"
}

resource "aws_api_gateway_method" "post_order" {
  rest_api_id   = aws_api_gateway_rest_api.shop.id
  resource_id   = aws_api_gateway_resource.shop.id
  http_method   = "POST"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "accept" {
  rest_api_id             = aws_api_gateway_rest_api.shop.id
  resource_id             = aws_api_gateway_resource.shop.id
  http_method             = aws_api_gateway_method.post_order.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = module.accept.invoke_arn
}

resource "aws_api_gateway_deployment" "shop" {
  rest_api_id = aws_api_gateway_rest_api.shop.id

  triggers = {
    redeployment = sha1(jsonencode([
      aws_api_gateway_resource.shop.path_part,
      aws_api_gateway_method.post_order.authorization,
      aws_api_gateway_integration.accept.type,
      aws_api_gateway_integration.accept.uri,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "prod" {
  rest_api_id   = aws_api_gateway_rest_api.shop.id
  deployment_id = aws_api_gateway_deployment.shop.id
  stage_name    = local.stage_name
}
