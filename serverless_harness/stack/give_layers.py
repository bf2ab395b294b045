"""Gives an emulator the layers of other accounts that a project's settings tell of."""

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.layers import build_layers, code_sha256
from serverless_harness.stack.control import control
from serverless_harness.targets import LocalTarget

PATH = "/_emulator/layers"


def give_layers(target: LocalTarget) -> set[str]:
    """Give the emulator each layer that it doesn't have as it is now; gives the ARNs of those that it had.

    Raises UserError where a layer can't be made, or the emulator refuses it.
    """
    layers = build_layers(target.project)
    if not layers:
        return set()
    there: dict[str, str] = control(target, "GET", PATH)
    changed = {arn: archive for arn, archive in layers.items() if there.get(arn) != code_sha256(archive)}
    for arn, archive in changed.items():
        control(target, "PUT", f"{PATH}/{arn}", content=archive)
    return changed.keys() & there.keys()


def renew_layers(deployment: Deployment, changed: set[str]) -> None:
    """Have the functions that name a changed layer take it: what they have is a layer as it was."""
    for name in deployment.made_functions if changed else ():
        client = deployment.client_for(name, "lambda")
        layers = client.get_function_configuration(FunctionName=name).get("Layers", [])
        arns = [layer["Arn"] for layer in layers]
        if changed & set(arns):
            client.update_function_configuration(FunctionName=name, Layers=arns)
            client.get_waiter("function_updated_v2").wait(FunctionName=name)
