"""What pages share and may import Streamlit; the computing is done in `fracture_core`."""
