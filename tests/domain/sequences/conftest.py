import pytest

from domain.identity.accounts import Session
from tests.domain.sequences.garden import Garden, plant


@pytest.fixture
async def garden(session: Session) -> Garden:
    return await plant(session.workspace_id)
