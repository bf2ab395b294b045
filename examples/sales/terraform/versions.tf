terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"

  default_tags {
    tags = { project = "sales" }
  }
}

variable "packages_directory" {
  description = "The folder that holds the functions' packages."
  type        = string
}

variable "name_prefix" {
  description = "What the names of everything begin with."
  type        = string
  default     = "sales"
}
