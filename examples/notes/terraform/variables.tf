variable "packages_directory" {
  description = "Folder with the functions' packages: api.zip and index.zip."
  type        = string
}

variable "name_prefix" {
  description = "Prefix of all resource names."
  type        = string
  default     = "notes"
}
