"""Objects to bytes and back, with LocalStack's pickler (`localstack.state.pickle`).

What is saved outlives the threads that use it: locks and conditions come back free, with nobody waiting.
"""

import io
import threading
from collections import defaultdict
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

PRIVATE_KEYS = (ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)
LOCK_TYPES: dict[type, Any] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
}


class StatePickler(Pickler):
    """LocalStack's pickler, to which a lock is only the wish for one."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        for lock_type in LOCK_TYPES:
            self.dispatch[lock_type] = _save_lock
        self.dispatch[threading.Condition] = _save_condition

    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401 - as pickle has it
        """Have keys and certificates saved as DER, and a defaultdict made without its `__init__`.

        One of its own (moto's SSM parameters) would be called with the default's factory alone.
        """
        if isinstance(obj, PRIVATE_KEYS):
            return _private_key, (obj.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)
        if isinstance(obj, x509.Certificate):
            return _certificate, (obj.public_bytes(Encoding.DER),)
        if isinstance(obj, defaultdict) and type(obj).__init__ is not defaultdict.__init__:
            return _empty, (type(obj), obj.default_factory), vars(obj), None, iter(obj.items())
        return NotImplemented


def _private_key(der: bytes) -> PrivateKeyTypes:
    return load_der_private_key(der, password=None)


def _certificate(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def _empty(cls: type[defaultdict[Any, Any]], factory: Any) -> defaultdict[Any, Any]:  # noqa: ANN401
    made = cls.__new__(cls)
    defaultdict.__init__(made, factory)
    return made


def _save_lock(pickler: Any, lock: Any) -> None:  # noqa: ANN401 - the pickler is dill's
    pickler.save_reduce(LOCK_TYPES[type(lock)], (), obj=lock)


def _save_condition(pickler: Any, condition: Any) -> None:  # noqa: ANN401
    pickler.save_reduce(threading.Condition, (condition._lock,), obj=condition)


def dumps(state: object) -> bytes:
    """Return `state` as bytes."""
    buffer = io.BytesIO()
    StatePickler(buffer).dump(state)
    return buffer.getvalue()


def loads(data: bytes) -> Any:  # noqa: ANN401
    """Return what `dumps` got. `data` can run code: load only what this project saved."""
    return dill.Unpickler(io.BytesIO(data)).load()
