from uuid import UUID

import pytest

from domain.identity.accounts import Session
from tests.domain.delivery.shop import Shop, open_shop


@pytest.fixture
async def shop(session: Session) -> Shop:
    return await open_shop(session.workspace_id)


@pytest.fixture
def session_workspace(session: Session) -> UUID:
    return session.workspace_id
