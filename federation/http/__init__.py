"""HTTP the same way on both sides: typed routes, problem+json errors, OpenAPI from the models."""

from federation.http.access import PUBLIC, Access, Principal
from federation.http.models import Input, Output, Page, PageQuery
from federation.http.problem import Problem
from federation.http.routes import Call, Routes
from federation.http.server import Api, Authenticator, make_app

__all__ = [
    "PUBLIC",
    "Access",
    "Api",
    "Authenticator",
    "Call",
    "Input",
    "Output",
    "Page",
    "PageQuery",
    "Principal",
    "Problem",
    "Routes",
    "make_app",
]
