"""`/_emulator/layers`: layers of other accounts, for whoever has the stack's control token.

| request | answer |
|---|---|
| `GET` | `{"<arn>": "<CodeSha256>", …}`: what was given |
| `PUT /_emulator/layers/<arn>`, a zip as its body | `{"CodeSha256": …}`: functions may name it from now on |
"""

from localstack.aws.api import ServiceException
from localstack.http import Request
from werkzeug.exceptions import BadRequest

PATH = "/_emulator/layers"


class LayersResource:
    """Takes the contents of layers. Lambda's provider is imported by the first request."""

    def on_get(self, request: object) -> dict[str, str]:
        """Return the hash of each layer that was given, by its ARN."""
        from serverless_harness.emulator.lambda_service import given_layers

        return given_layers.hashes()

    def on_put(self, request: Request, arn: str) -> dict[str, str]:
        """Keep a layer's contents; status 400 where the ARN is no layer version's or the body no zip."""
        from serverless_harness.emulator.lambda_service import given_layers

        try:
            return {"CodeSha256": given_layers.give(arn, request.get_data())}
        except ValueError as error:
            raise BadRequest(str(error)) from None
        except ServiceException as error:
            raise BadRequest(f"{arn}: {error}") from None
