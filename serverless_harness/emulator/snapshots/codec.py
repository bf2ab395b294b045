"""Objects to bytes and back, with Python's pickler, else with LocalStack's (`localstack.state.pickle`).

What is saved outlives the threads that use it: locks and conditions come back free, with nobody waiting.
"""

import io
import pickle
import threading
from collections import defaultdict
from types import FunctionType
from typing import Any

import dill  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from localstack.state.pickle import Pickler
from moto.iam.models import AWSManagedPolicy

from serverless_harness.emulator.snapshots import aws_policies

PRIVATE_KEYS = (ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)
LOCK_TYPES: dict[type, Any] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
}


def _reduced(thing: object) -> Any:  # noqa: ANN401 - as pickle has it
    """Return how pickle makes a thing again; NotImplemented where pickle knows that itself.

    A lock is only the wish for one. Keys and certificates are saved as DER, and a defaultdict is made without
    its `__init__`: one of its own (moto's SSM parameters) would be called with the default's factory alone.
    """
    reduced: Any = NotImplemented
    if make_lock := LOCK_TYPES.get(type(thing)):
        reduced = make_lock, ()
    elif isinstance(thing, AWSManagedPolicy):
        reduced = aws_policies.reduced(thing)
    elif isinstance(thing, threading.Condition):
        reduced = threading.Condition, (thing._lock,)  # type: ignore[attr-defined]
    elif isinstance(thing, PRIVATE_KEYS):
        reduced = _private_key, (thing.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)
    elif isinstance(thing, x509.Certificate):
        reduced = _certificate, (thing.public_bytes(Encoding.DER),)
    elif isinstance(thing, defaultdict) and type(thing).__init__ is not defaultdict.__init__:
        reduced = _empty, (type(thing), thing.default_factory), vars(thing), None, iter(thing.items())
    return reduced


class SlowPickler(Pickler):
    """LocalStack's pickler, which saves almost everything."""

    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401
        """Have what is said of `_reduced` saved so."""
        return _reduced(obj)


class FastPickler(pickle.Pickler):
    """Python's own, in C, which takes a tenth of the time."""

    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401
        """Have what is said of `_reduced` saved so, and functions without a name: factories of defaults."""
        if isinstance(obj, FunctionType) and "<" in obj.__qualname__ and not obj.__closure__:
            return dill.loads, (dill.dumps(obj),)
        return _reduced(obj)


def _private_key(der: bytes) -> PrivateKeyTypes:
    return load_der_private_key(der, password=None)


def _certificate(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def _empty(cls: type[defaultdict[Any, Any]], factory: Any) -> defaultdict[Any, Any]:  # noqa: ANN401
    made = cls.__new__(cls)
    defaultdict.__init__(made, factory)
    return made


def dumps(state: object) -> bytes:
    """Return `state` as bytes."""
    try:
        return _dumped(FastPickler, state)
    except (pickle.PicklingError, TypeError, AttributeError):
        return _dumped(SlowPickler, state)


def _dumped(pickler: type[FastPickler | SlowPickler], state: object) -> bytes:
    buffer = io.BytesIO()
    pickler(buffer).dump(state)
    return buffer.getvalue()


def loads(data: bytes) -> Any:  # noqa: ANN401
    """Return what `dumps` got. `data` can run code: load only what this project saved."""
    return dill.Unpickler(io.BytesIO(data)).load()
