"""What the custom scalars look like in JSON, in words for those who write clients."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from strawberry.file_uploads import Upload
from strawberry.file_uploads.scalars import UploadDefinition
from strawberry.scalars import JSON
from strawberry.schema.types.base_scalars import DateTimeDefinition, DecimalDefinition
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types.scalar import ScalarDefinition

SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    datetime: replace(
        DateTimeDefinition,
        description="A point in time, RFC 3339, such as `2026-03-01T09:30:00+00:00`. We answer in"
        " UTC with up to six decimals of a second, and take any offset; one must be given.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
    ),
    Decimal: replace(
        DecimalDefinition,
        description='An exact decimal number. We answer a string, such as `"19.90"`, and take a'
        " string or a number.",
    ),
    JSON: replace(
        DEFAULT_SCALAR_REGISTRY[JSON],
        description="Any JSON value; each field says which it holds. Input may be nested at most"
        " 50 deep.",
    ),
    Upload: replace(
        UploadDefinition,
        description="A file of at most 256 MiB, sent as `multipart/form-data` by the GraphQL"
        " multipart request specification: null stands in its place in the variables.",
        specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
    ),
}
